"""The hot path: frames become columns of IKE messages, ESP flows and counts."""
