"""The networks that a beginner should tell apart, each in one readable file of numpy: `python -m helpers.zoo NAME`.

A file holds the network with its derivatives, what it is trained on, `run(size)` for one training with what was
measured, and its picture. Nothing here needs PyTorch.
"""

ZOO = {
    "autoencoder": "gives back its input through a narrow layer; beside PCA of the same width",
    "rbm": "visible and hidden units with CD-1; reconstructions, samples, an exact likelihood on a toy",
    "dbn": "stacked RBMs as the start of a network with few labels; beside random weights",
    "vae": "codes that are distributions, and new images from them; the bound, a map of digits",
    "gan": "a generator against a discriminator on eight Gaussians; collapse, and its cure",
    "gan_digits": "the same on digits, as a demonstration",
    "recurrent": "RNN and LSTM on the copy task: gradient and accuracy against the lag",
    "characters": "RNN and LSTM predict the next character of a text; bits a character",
    "attention": "one head beside an LSTM of as many parameters: bits a character, and seconds",
    "residual": "skips, and what a deep network learns without them: error against depth",
    "deconvolution": "what in an image a filter of one's own CNN has seen; with switches and without",
    "rprop": "steps by the sign of the gradient beside SGD, with all images at once and in mini-batches",
}
"""name of a module -> what is seen there."""
