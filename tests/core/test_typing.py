"""What is known of a data set's images."""

from jaxgan.core.typing import Spec


def test_the_shape_of_one_image():
  assert Spec(28, 1, 10).shape == (28, 28, 1)


def test_without_labels_there_are_no_classes():
  assert Spec(28, 3) == Spec(28, 3, 0, ())


def test_a_spec_of_images_is_the_list_that_stands_in_data_json():
  """A run reads it back from there and compares it; columns, if there are any, stand beside it."""
  spec = Spec(8, 3, 2, ('cat', 'dog'))
  assert list(spec[:4]) == [8, 3, 2, ('cat', 'dog')] and spec.columns == ()
  assert Spec(*list(spec[:4])) == spec
