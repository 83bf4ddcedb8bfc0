"""What lies in the folders of backup servers: which files are there, whose they are, and whether they are backups."""
