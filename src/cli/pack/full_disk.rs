//! Recognizes a full disk, and says what it takes.

/// Says what to do about a full disk.
pub(super) fn explain_full_disk(error: anyhow::Error) -> anyhow::Error {
    if is_full_disk(&error) {
        error.context("the disk is full; a pack needs as much space as its input while it is made")
    } else {
        error
    }
}

/// Returns whether an error comes from a full disk.
pub(super) fn is_full_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::explain_full_disk;

    #[test]
    fn full_disk_is_told_with_what_it_takes() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let failed = Err::<(), _>(full).context("pack/annotations/part-00003.parquet").unwrap_err();
        let told = format!("{:#}", explain_full_disk(failed));
        assert!(told.starts_with("the disk is full") && told.contains("part-00003.parquet"), "{told}");
        let other = anyhow::anyhow!("something else");
        assert_eq!(explain_full_disk(other).to_string(), "something else");
    }
}
