"""Task sets: broken states of green projects, each with the diff that mends it, each verified red and green.

`ces.tasks.mutate` and `ces.tasks.history` propose tasks; `ces.tasks.admit` judges them; `ces.tasks.build` fills a file.
"""
