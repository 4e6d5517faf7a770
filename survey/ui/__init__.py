"""What pages are drawn with: items to widgets, state, place, map, words."""
