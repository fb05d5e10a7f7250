//! Logistic regression of three weights, by Newton's method.

/// Three features, of which the first is usually 1, and whether the event occurred.
pub(super) type Sample = ([f64; 3], bool);

/// Returns the weights of the largest likelihood of the samples; those not `used` are zero.
pub(super) fn newton(samples: &[Sample], used: [bool; 3]) -> [f64; 3] {
    // A weak pull to zero keeps separable samples finite.
    const RIDGE: f64 = 1e-2;
    let mut weights = [0.0; 3];
    for _ in 0..50 {
        let mut gradient = [0.0; 3];
        let mut hessian = [[0.0; 3]; 3];
        for (features, right) in samples {
            let score = sigmoid((0..3).map(|i| weights[i] * features[i]).sum());
            for i in 0..3 {
                gradient[i] += (score - f64::from(u8::from(*right))) * features[i];
                for j in 0..3 {
                    hessian[i][j] += score * (1.0 - score) * features[i] * features[j];
                }
            }
        }
        for i in 0..3 {
            gradient[i] += RIDGE * weights[i];
            hessian[i][i] += RIDGE;
            if !used[i] {
                gradient[i] = 0.0;
                (0..3).for_each(|j| (hessian[i][j], hessian[j][i]) = (0.0, 0.0));
                hessian[i][i] = 1.0;
            }
        }
        let step = solve(hessian, gradient);
        (0..3).for_each(|i| weights[i] -= step[i]);
        if step.iter().all(|value| value.abs() < 1e-10) {
            break;
        }
    }
    weights
}

/// Solves a symmetric positive definite system of three equations by Gaussian elimination.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    for pivot in 0..3 {
        for row in pivot + 1..3 {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            (pivot..3).for_each(|column| matrix[row][column] -= factor * matrix[pivot][column]);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// Returns the logistic function of a value.
pub(super) fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solution_satisfies_three_equations() {
        let matrix = [[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]];
        let x = solve(matrix, [6.0, 10.0, 8.0]);
        assert!(x.iter().zip([1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{x:?}");
    }
}
