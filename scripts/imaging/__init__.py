"""How the images of images/ are made: recipes, and what fills them."""
