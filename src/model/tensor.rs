//! Dense tensors that go into graphs and come out of them.

/// A dense row-major tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// The elements of a [`Tensor`], by type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Bytes.
    U8(Vec<u8>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl Tensor {
    /// Creates a tensor; `None` where the shape has another number of elements.
    pub fn new(shape: impl Into<Vec<usize>>, data: Data) -> Option<Self> {
        let shape = shape.into();
        let elements = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))?;
        (elements == data.len()).then_some(Self { shape, data })
    }

    /// Creates a vector of floats.
    pub(crate) fn from_f32s(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], data: Data::F32(values) }
    }

    /// Returns the same elements in another shape, which the caller has checked to have as many.
    #[must_use]
    pub(crate) fn reshaped(mut self, shape: impl Into<Vec<usize>>) -> Self {
        let shape = shape.into();
        debug_assert_eq!(shape.iter().product::<usize>(), self.data.len());
        self.shape = shape;
        self
    }

    /// Returns the lengths of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements in row-major order.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the elements where they are 32-bit floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let Data::F32(values) = &self.data { Some(values) } else { None }
    }

    /// Returns the elements without copying them.
    pub fn into_data(self) -> Data {
        self.data
    }
}

impl From<Data> for Tensor {
    /// Returns a vector of the elements.
    fn from(data: Data) -> Self {
        Self { shape: vec![data.len()], data }
    }
}

impl Data {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Returns whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the element type, as ONNX Runtime's JavaScript API spells it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::U8(_) => "uint8",
            Self::I64(_) => "int64",
        }
    }
}

impl std::fmt::Display for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.data.type_name(), self.shape)
    }
}
