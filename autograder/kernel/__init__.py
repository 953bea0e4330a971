"""Warm kernels: a zygote that has imported and tried everything forks one process a submission within milliseconds."""
