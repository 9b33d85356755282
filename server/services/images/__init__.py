"""Target images: importing, verifying, finding them again."""
