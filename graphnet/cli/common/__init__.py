"""What several commands share: arguments, the file or model they are about, refusals."""
