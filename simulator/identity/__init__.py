"""Who calls, and whether they may: keys and signatures to a `Caller` (`auth`), policies to a pass (`gate`)."""
