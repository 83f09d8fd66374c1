"""CES for the trainers people use: one file each, all of them thin.

    asking    requests to verdicts, from any thread or event loop: a service, or a judge in this process
    row       what an adapter needs to know of a task, out of a data set's row
    broken    a task's broken files, for those who show them to a model
    replies   from what a model wrote to the diff that is judged
    judged    replies to verdicts: what every adapter does between its library and CES
    trl       an async reward function for TRL
    verl      `compute_score` for verl
    openenv   an OpenEnv environment and its server
    harbor    tasks exported for Harbor (harbor_script: their shell scripts)

None of them turns what the machine did wrong into a reward: where the library can leave a sample out it is left out,
where it can't the adapter stops and says so.
"""
