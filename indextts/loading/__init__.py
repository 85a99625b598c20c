"""From files on disk to modules with weights: find, read safely, check tensor by tensor, place, download."""
