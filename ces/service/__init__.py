"""CES over HTTP: one judge behind a bounded queue, for the machines and people who ask it.

    settings   what a service is told
    judging    what it asks of the judge, or of one in front of many
    queue      who waits, what is judged now, who gets which answer; knows no HTTP
    keys       requests that were sent before
    access     the token, and what a page in a browser is allowed
    wire       bodies read and lines written
    routes     the HTTP application
    metrics    Prometheus; board   what the page shows
    serve      sockets, signals, the drain
    client     the other end

`POST /v1/check`, `GET /v1/bases`, `/v1/health`, `/v1/events`, `/metrics`, and a page at `/`.
"""
