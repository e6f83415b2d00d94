"""ask.py: names in, answers out, for people and for programs."""



from conftest import run_script  # noqa: F401
