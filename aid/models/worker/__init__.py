"""The model worker: a process of its own that holds llama.cpp, and speaks the OpenAI API on a unix socket.

It outlives the daemon that started it, so that weights and prompt caches stay warm over `aid restart`, and its death
(native code may crash) costs the daemon one failed request. It never reads the configuration or a workspace.
"""
