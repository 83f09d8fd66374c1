"""CES past one machine, over Ray (the extra `aid[cluster]`): one judge a node, and one in front of them all.

    settings   what a cluster is told
    connect    into a running cluster, or one of our own
    worker     the Ray actor: a node's judge
    routing    which node gets which request; pure
    members    nodes that come, go and hang
    pool       `ClusterJudge`: what the service asks in place of a `Judge`
    scaling    how many workers the queue is worth
    metrics    Prometheus
    driver     the process that is in the cluster: Ray ends it when the cluster's head is lost
    link       the service's way to that process, which starts another then
    frames     what these two say to each other

An actor has a whole node, not one base: a `Judge` shares the node's workers, its disk quota and its cache of verdicts
between all its bases, and an actor a base would need a second scheduler to do the same. What goes by base is the
routing. Ray neither restarts an actor nor retries a call: `members` and `pool` do, since a restarted node is cold and a
call that Ray holds back is one that `routing` doesn't see.
"""
