"""What ECR decides: images, lifecycle, scanning, replication, templates, pull-through."""
