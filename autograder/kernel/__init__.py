"""Warm kernels: a zygote with everything imported forks one process per submission within milliseconds."""
