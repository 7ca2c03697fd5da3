"""What metrics are computed with: right answers, overlaps, precision over boxes, resampling."""
