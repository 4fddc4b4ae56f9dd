"""The command line: one file per command, with the options, tables and progress bars that they share."""
