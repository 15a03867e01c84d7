"""The life of a job: a pure table of states, the paid call, one poll for all, and the handle that people hold."""
