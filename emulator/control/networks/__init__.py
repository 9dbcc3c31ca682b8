"""What tasks stand on: bridges, addresses, published ports, packet filters."""
