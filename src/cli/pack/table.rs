//! The Parquet file of one batch: published columns under their own names, then what was computed.

use std::sync::Arc;

use anyhow::Context;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::dataset::catalog::BLOCK_ROWS;
use crate::dataset::pack::page::page_bytes;
use crate::dataset::{Annotation, ImageRecord, NoiseReport};

/// The columns, in the order of [`Table::write`].
const SCHEMA: &str = "
message annotation {
    required binary id (STRING);
    required binary image_id (STRING);
    optional binary file_name (STRING);
    optional int32 width;
    optional int32 height;
    optional binary category_id (STRING);
    required binary title (STRING);
    optional binary data_split (STRING);
    optional binary text_prompt (STRING);
    optional binary question (STRING);
    required group label (LIST) { repeated group list { required binary element (STRING); } }
    required group bbox (LIST) { repeated group list {
        required group element (LIST) { repeated group list { required double element; } }
    } }
    required group segmentation (LIST) { repeated group list { required group element {
        required group size (LIST) { repeated group list { required int32 element; } }
        required binary counts (STRING);
    } } }
    optional boolean seen;
    required int64 area;
    required float area_share;
    required int32 components;
    required float suspicion;
    required group findings (LIST) { repeated group list { required binary element (STRING); } }
}";
/// Path of the column of the masks' strings.
const COUNTS: &str = "segmentation.list.element.counts";
/// Rows of a page of the other columns.
const PAGE_ROWS: usize = 4096;
/// Compression of the masks: higher levels take longer and save little.
const MASK_LEVEL: i32 = 1;
const TEXT_LEVEL: i32 = 3;

/// Rows of a Parquet file, column by column.
#[derive(Default)]
pub(super) struct Table {
    rows: usize,
    id: Column<ByteArray>,
    image_id: Column<ByteArray>,
    file_name: Column<ByteArray>,
    width: Column<i32>,
    height: Column<i32>,
    category_id: Column<ByteArray>,
    title: Column<ByteArray>,
    data_split: Column<ByteArray>,
    text_prompt: Column<ByteArray>,
    question: Column<ByteArray>,
    label: Column<ByteArray>,
    bbox: Column<f64>,
    mask_size: Column<i32>,
    counts: Column<ByteArray>,
    /// Number of masks of each row.
    masks: Vec<usize>,
    seen: Column<bool>,
    area: Column<i64>,
    area_share: Column<f32>,
    components: Column<i32>,
    suspicion: Column<f32>,
    findings: Column<ByteArray>,
}

/// The bytes of a Parquet file, and where the pages of its masks are.
pub(super) struct TableFile {
    pub(super) bytes: Vec<u8>,
    /// Position of the first page.
    pub(super) first_page: usize,
    /// The length of each page, one for each block of [`BLOCK_ROWS`] rows.
    pub(super) pages: Vec<usize>,
}

impl Table {
    /// Appends a row.
    pub(super) fn push(
        &mut self,
        annotation: &Annotation,
        image: Option<&ImageRecord>,
        title: &str,
        report: &NoiseReport,
        findings: &[&str],
    ) {
        self.rows += 1;
        let size = image.and_then(|image| image.size);
        let side = |side: u32| i32::try_from(side).ok();
        self.id.push(text(&annotation.id));
        self.image_id.push(text(&annotation.image));
        self.file_name.push_option(image.and_then(|image| image.file.as_deref()).map(text));
        self.width.push_option(size.and_then(|size| side(size.width)));
        self.height.push_option(size.and_then(|size| side(size.height)));
        self.category_id
            .push_option(Some(annotation.category.as_str()).filter(|id| !id.is_empty()).map(text));
        self.title.push(text(title));
        self.data_split.push_option(annotation.split.as_ref().map(|split| text(&split.raw)));
        self.text_prompt.push_option(annotation.text_prompt.as_deref().map(text));
        self.question.push_option(annotation.question.as_deref().map(text));
        self.label.push_list(annotation.labels.iter().map(|label| text(&label.published())));
        let boxes = annotation.boxes.iter().map(|rect| [rect.x1, rect.y1, rect.x2, rect.y2]);
        self.bbox.push_lists(boxes);
        let sizes = annotation.parts.iter().map(|part| [part.size().height as i32, part.size().width as i32]);
        self.mask_size.push_lists(sizes);
        self.counts.push_list(annotation.parts.iter().map(|part| text(part.counts())));
        self.masks.push(annotation.parts.len());
        self.seen.push_option(annotation.split.as_ref().and_then(|split| split.seen));
        self.area.push(report.area as i64);
        self.area_share.push(report.area_share);
        self.components.push(report.components as i32);
        self.suspicion.push(report.suspicion);
        self.findings.push_list(findings.iter().map(|code| text(code)));
    }

    /// Encodes the file.
    pub(super) fn write(&self) -> anyhow::Result<TableFile> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties()?))?;
        let mut group = file.next_row_group()?;
        write_column::<ByteArrayType>(&mut group, &self.id)?;
        write_column::<ByteArrayType>(&mut group, &self.image_id)?;
        write_column::<ByteArrayType>(&mut group, &self.file_name)?;
        write_column::<Int32Type>(&mut group, &self.width)?;
        write_column::<Int32Type>(&mut group, &self.height)?;
        write_column::<ByteArrayType>(&mut group, &self.category_id)?;
        write_column::<ByteArrayType>(&mut group, &self.title)?;
        write_column::<ByteArrayType>(&mut group, &self.data_split)?;
        write_column::<ByteArrayType>(&mut group, &self.text_prompt)?;
        write_column::<ByteArrayType>(&mut group, &self.question)?;
        write_column::<ByteArrayType>(&mut group, &self.label)?;
        write_column::<DoubleType>(&mut group, &self.bbox)?;
        write_column::<Int32Type>(&mut group, &self.mask_size)?;
        self.masks_column(&mut group)?;
        write_column::<BoolType>(&mut group, &self.seen)?;
        write_column::<Int64Type>(&mut group, &self.area)?;
        write_column::<FloatType>(&mut group, &self.area_share)?;
        write_column::<Int32Type>(&mut group, &self.components)?;
        write_column::<FloatType>(&mut group, &self.suspicion)?;
        write_column::<ByteArrayType>(&mut group, &self.findings)?;
        let group = group.close()?;
        let counts = group.columns().iter().find(|column| column.column_path().string() == COUNTS);
        let counts = counts.context("the column of masks is missing")?;
        let first_page = usize::try_from(counts.data_page_offset())?;
        let bytes = file.into_inner()?;
        let mut pages = Vec::with_capacity(self.rows.div_ceil(BLOCK_ROWS as usize));
        let mut at = first_page;
        for _ in 0..self.rows.div_ceil(BLOCK_ROWS as usize) {
            let page = page_bytes(bytes.get(at..).context("a page of masks is cut off")?)?;
            pages.push(page);
            at += page;
        }
        let end = first_page as i64 + counts.compressed_size();
        anyhow::ensure!(at as i64 == end, "the pages of masks end at byte {at} and not at {end}");
        Ok(TableFile { bytes, first_page, pages })
    }

    /// Writes the strings of the masks, one page for each block of rows.
    fn masks_column(&self, group: &mut SerializedRowGroupWriter<'_, Vec<u8>>) -> anyhow::Result<()> {
        let mut column = group.next_column()?.context("the schema has too few columns")?;
        let writer: &mut ColumnWriterImpl<'_, ByteArrayType> = column.typed();
        let (mut value, mut level) = (0, 0);
        for rows in self.masks.chunks(BLOCK_ROWS as usize) {
            let values = value..value + rows.iter().sum::<usize>();
            // A row without masks has a level too.
            let levels = level..level + rows.iter().map(|&masks| masks.max(1)).sum::<usize>();
            let Column { present: all, definition, repetition } = &self.counts;
            writer.write_batch(
                &all[values.clone()],
                Some(&definition[levels.clone()]),
                Some(&repetition[levels.clone()]),
            )?;
            (value, level) = (values.end, levels.end);
        }
        column.close()?;
        Ok(())
    }
}

fn properties() -> anyhow::Result<WriterProperties> {
    let counts = ColumnPath::from(COUNTS.split('.').map(str::to_owned).collect::<Vec<_>>());
    let level = |level| ZstdLevel::try_new(level).map(Compression::ZSTD);
    let mut properties = WriterProperties::builder();
    // Their values differ in nearly every row.
    for name in ["id", "image_id", "file_name", "bbox.list.element.list.element"] {
        let path = ColumnPath::from(name.split('.').map(str::to_owned).collect::<Vec<_>>());
        properties = properties.set_column_dictionary_enabled(path, false);
    }
    Ok(properties
        .set_created_by(format!("masklink {}", env!("CARGO_PKG_VERSION")))
        .set_compression(level(TEXT_LEVEL)?)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_compression(counts.clone(), level(MASK_LEVEL)?)
        .set_column_dictionary_enabled(counts.clone(), false)
        .set_column_encoding(counts.clone(), Encoding::PLAIN)
        .set_column_data_page_row_count_limit(counts.clone(), BLOCK_ROWS as usize)
        .set_column_data_page_size_limit(counts.clone(), 1 << 30)
        .set_column_statistics_enabled(counts, parquet::file::properties::EnabledStatistics::None)
        // The levels of a block of rows are written at once, so that each becomes one page.
        .set_write_batch_size(1 << 20)
        .build())
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &Column<T::T>,
) -> anyhow::Result<()> {
    let mut column = group.next_column()?.context("the schema has too few columns")?;
    let levels = |levels| Some(levels).filter(|levels: &&[i16]| !levels.is_empty());
    let (definition, repetition) = (levels(&values.definition), levels(&values.repetition));
    column.typed::<T>().write_batch(&values.present, definition, repetition)?;
    column.close()?;
    Ok(())
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

/// The values of a column, with definition and repetition levels as Parquet has them.
struct Column<T> {
    present: Vec<T>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { present: Vec::new(), definition: Vec::new(), repetition: Vec::new() }
    }
}

impl<T> Column<T> {
    /// Appends to a required column.
    fn push(&mut self, value: T) {
        self.present.push(value);
    }

    /// Appends to an optional column.
    fn push_option(&mut self, value: Option<T>) {
        self.definition.push(value.is_some().into());
        self.present.extend(value);
    }

    /// Appends to a required list of required elements.
    fn push_list(&mut self, list: impl Iterator<Item = T>) {
        let before = self.present.len();
        self.present.extend(list);
        let added = self.present.len() - before;
        self.definition.extend(std::iter::repeat_n(i16::from(added > 0), added.max(1)));
        self.repetition.push(0);
        self.repetition.extend(std::iter::repeat_n(1, added.saturating_sub(1)));
    }

    /// Appends to a required list of required lists of at least one element.
    fn push_lists<const N: usize>(&mut self, lists: impl Iterator<Item = [T; N]>) {
        let before = self.present.len();
        for list in lists {
            let first = i16::from(self.present.len() > before);
            self.repetition.push(first);
            self.repetition.extend([2; N].iter().skip(1));
            self.definition.extend([2; N]);
            self.present.extend(list);
        }
        if self.present.len() == before {
            self.definition.push(0);
            self.repetition.push(0);
        }
    }
}
