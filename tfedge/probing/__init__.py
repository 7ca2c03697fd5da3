"""What each layer of a model can bear: one layer changed alone, nothing trained.

Which techniques there are and how far they go is read off the settings that passes declare, so a
new pass is probed as soon as its file is there.
"""
