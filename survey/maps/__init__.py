"""What is drawn on a map: layers and the ground under them."""
