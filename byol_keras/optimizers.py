"""LARS, the optimizer of BYOL's paper, which Keras does not have."""

from collections.abc import Iterable

import keras
import tensorflow as tf

__all__ = ["LARS"]


@keras.saving.register_keras_serializable(package="byol_keras")
class LARS(keras.optimizers.Optimizer):
    """Momentum SGD whose step for each kernel is proportional to the kernel's own norm.

    For a kernel `p` with gradient `g`:

    ```
    g = g + weight_decay * p
    g = trust_coefficient * |p| / |g| * g         (factor 1 where either norm is 0)
    m = momentum * m + g
    p = p - learning_rate * m                     (the rate stays outside the momentum)
    ```

    Biases and normalisation parameters skip decay and trust ratio: they get plain momentum at the full rate.
    On its own the optimizer takes every variable of rank 1 or less for such a one. `BYOL` knows from the
    layers which they are (attention has biases of rank 2) and says so through `exclude`.

    Args:
        learning_rate: float or schedule. BYOL's rule is `base * batch_size / 256`. Default 0.2, the base rate
            of the paper's 1000-epoch run.
        weight_decay: L2 coefficient, inside the trust ratio. It never becomes Keras' decoupled decay.
            Default 1.5e-6, as in the paper.
        momentum: in [0, 1). Default 0.9.
        trust_coefficient: `eta` in the papers. Default 1e-3; solo-learn's CIFAR recipe uses 0.02 with clipping.
        clip_trust_ratio: never let a kernel's effective rate exceed `learning_rate`: the trust ratio is
            cut at `learning_rate` and then divided by it (known as LARC). Default False.
        name: name of the optimizer.
        **kwargs: whatever every Keras optimizer takes (`clipnorm`, `gradient_accumulation_steps`, ...).

    Example:
    >>> kernel = keras.Variable([[3.0, 4.0]])
    >>> optimizer = LARS(learning_rate=1.0, weight_decay=0.0, trust_coefficient=0.1)
    >>> optimizer.apply_gradients([(tf.constant([[0.0, 2.0]]), kernel)])  # doctest: +ELLIPSIS
    <...>
    >>> kernel.numpy()  # the norm 5 times 0.1, along the gradient
    array([[3. , 3.5]], dtype=float32)

    References: [You et al., 2017](https://arxiv.org/abs/1708.03888),
    [Grill et al., 2020](https://arxiv.org/abs/2006.07733), appendix J.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.2,
        weight_decay: float = 1.5e-6,
        momentum: float = 0.9,
        trust_coefficient: float = 1e-3,
        clip_trust_ratio: bool = False,
        name: str = "lars",
        **kwargs: object,
    ) -> None:
        rate = float(learning_rate) if isinstance(learning_rate, int) else learning_rate
        super().__init__(learning_rate=rate, name=name, **kwargs)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        if weight_decay is None or weight_decay < 0.0:
            raise ValueError(f"`weight_decay` must not be negative. Received: weight_decay={weight_decay}")
        if trust_coefficient <= 0.0:
            raise ValueError(f"`trust_coefficient` must be positive. Received: trust_coefficient={trust_coefficient}")
        # Keras would apply its own attribute `weight_decay` as a decoupled decay, on top of ours.
        self.l2_decay = weight_decay
        self.momentum = momentum
        self.trust_coefficient = trust_coefficient
        self.clip_trust_ratio = clip_trust_ratio
        self._excluded_keys: set | None = None

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")

    def exclude(self, variables: Iterable[keras.Variable]) -> None:
        """Names the variables that skip decay and trust ratio, in place of the rule by rank; further calls add to them.

        To spare others the decay alone there is Keras' `exclude_from_weight_decay`.

        Args:
            variables: biases and normalisation parameters. `BYOL.compile` calls this with the layers' own.
        """
        keys = {self._var_key(variable) for variable in variables}
        self._excluded_keys = keys | (self._excluded_keys or set())

    def _is_excluded(self, variable: keras.Variable | tf.Variable) -> bool:
        if self._excluded_keys is None:
            return len(variable.shape) <= 1
        return self._var_key(variable) in self._excluded_keys

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable | tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        rate = tf.cast(learning_rate, variable.dtype)
        gradient = tf.cast(gradient, variable.dtype)
        momentum = self.momentums[self._get_variable_index(variable)]
        if not self._is_excluded(variable):
            decay = self.l2_decay if self._use_weight_decay(variable) else 0.0
            gradient = self._adapt(gradient, tf.convert_to_tensor(variable), rate, decay)
        self.assign(momentum, self.momentum * momentum + gradient)
        self.assign_sub(variable, rate * momentum)

    def _adapt(self, gradient: tf.Tensor, parameter: tf.Tensor, rate: tf.Tensor, decay: float) -> tf.Tensor:
        gradient = gradient + decay * parameter
        parameter_norm, gradient_norm = tf.norm(parameter), tf.norm(gradient)
        both = (parameter_norm > 0.0) & (gradient_norm > 0.0)
        ratio = self.trust_coefficient * parameter_norm / tf.where(both, gradient_norm, 1.0)
        if self.clip_trust_ratio:
            ratio = tf.minimum(ratio / rate, 1.0)
        return tf.where(both, ratio, 1.0) * gradient

    def get_config(self) -> dict:
        return super().get_config() | {
            "weight_decay": self.l2_decay,
            "momentum": self.momentum,
            "trust_coefficient": self.trust_coefficient,
            "clip_trust_ratio": self.clip_trust_ratio,
        }
