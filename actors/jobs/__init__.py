"""What is done after a request has been answered: mail, certificates, renditions, reminders."""
