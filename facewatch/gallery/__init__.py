"""The gallery: a web page on this machine that shows photos before and after, and takes decisions."""
