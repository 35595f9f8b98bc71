"""Tests of the packs, of the loader's ids and of the frame that stories are told in."""
