"""Model files as files: what is wrong with one, said without Keras, which takes seconds to import."""
