"""Train the network that the package ships: data, degradations, losses, schedule and evaluation."""
