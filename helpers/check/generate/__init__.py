"""The checks of the assignment `generate`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "autoencoder": ["pca_reconstruction", "reconstruction_loss", "training_seconds"],
        "divergence": ["cd1"],
        "gan": ["discriminator_loss", "found", "generator_loss"],
        "gan_steps": ["discriminator_step", "generator_step"],
        "guesses": ["guess"],
        "likelihood": ["free_energy", "log_likelihood", "toy_curve"],
        "rbm": ["draw", "probabilities", "update"],
        "vae": ["kl", "pixel_loss", "sample_code", "through_sample"],
        "..core.form": ["form"],
    },
)
