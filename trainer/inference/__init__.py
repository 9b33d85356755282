"""What a trained network says of images, and how good that is."""
