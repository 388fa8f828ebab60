"""Messages become attempts, IKE SAs, ESP flows and sources."""
