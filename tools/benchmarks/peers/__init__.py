"""What tfedge is compared with: each module turns one model into .tflite files its own way."""
