"""What `make bench` measures, each figure beside a baseline that runs side by side."""
