"""What the oracle programs share: loop mounts, kernel messages, manifests, xfsprogs."""
