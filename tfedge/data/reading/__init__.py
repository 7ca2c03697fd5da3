"""What sources need to read: image files, .npz files, options behind a question mark."""
