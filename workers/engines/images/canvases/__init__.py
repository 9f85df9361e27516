"""How the families of image models are driven, a file a family."""
