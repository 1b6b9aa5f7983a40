"""Where runs are carried out: the interface in `base`, in this process in `inprocess`. Chosen by RUN_BACKEND."""
