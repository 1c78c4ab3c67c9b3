#!/bin/bash
# `sbatch docs/launch/slurm.sh` in the root of the repository, on a file system that all nodes share: the first node runs
# `dvc repro`, the others join it. Adapt the next three lines to the cluster.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8

# This script runs on the first node; its address, as the others reach it, and a free port.
export GRAFT_HEAD="$(hostname -I | cut -d' ' -f1):29600"
export GRAFT_NODES="$SLURM_NNODES" GRAFT_PROCESSES=gpu

srun --kill-on-bad-exit=0 bash -c '
    if [ "$SLURM_NODEID" = 0 ]; then
        .venv/bin/dvc repro; status=$?
        .venv/bin/python -m pipeline.worker --end
        exit $status
    fi
    exec .venv/bin/python -m pipeline.worker --patience 7200
'
