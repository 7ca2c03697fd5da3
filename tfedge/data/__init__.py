"""What a model is for: tasks, their splits, metrics and checks. numpy only."""
