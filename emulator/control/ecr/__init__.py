"""What images want done beside a push: scans, lifecycle, replication, signing, restores."""
