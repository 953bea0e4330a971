"""Grade many hand-ins at the same time: on this machine, or on others through Dask."""
