"""Tasks brought up and down: images, secrets, containers, volumes, limits, and what they print and use."""
