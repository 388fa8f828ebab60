"""Two results side by side: did a change work?

`judge` decides from two result documents and knows no output format; the other modules show what it
decided as text, Markdown, a page and JSON.
"""
