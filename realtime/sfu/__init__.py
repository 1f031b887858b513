"""Live video: encoded packets from publishers to viewers, forwarded as they are."""
