"""CES for the trainers people use: one file each, all of them thin.

    asking    requests to verdicts, from any thread or event loop: a service, or a judge in this process
    row       what an adapter needs to know of a task, out of a data set's row
    replies   from what a model wrote to the diff that is judged
    trl       an async reward function for TRL
    verl      `compute_score` for verl
    openenv   an OpenEnv environment and its server
    harbor    tasks exported for Harbor

None of them turns what the machine did wrong into a reward: where the library can leave a sample out it is left out,
where it can't the adapter stops and says so.
"""
