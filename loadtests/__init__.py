"""Load generators and side-by-side benchmarks. They know the wire and, to check the record, the tables; nothing else."""
