"""Publishing 公示: the open books as anybody reads, prints and downloads them."""
