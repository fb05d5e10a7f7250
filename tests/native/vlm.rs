//! Linking by a vision model: a double of its endpoint sees the images that it gets, and fails in every way.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{Rgb, RgbImage};
use masklink::cli::backend::Backends;
use masklink::cli::serve::{Server, Settings, app};
use masklink::cli::titles::index::{TitleIndex, write};
use masklink::cli::titles::list::TitleList;
use masklink::cli::vlm::VlmBackend;
use masklink::cli::vlm::chat::{Chat, Endpoint};
use masklink::cli::vlm::view::{MAX_SIDE, OUTLINE, View};
use masklink::geometry::Size;
use masklink::link::protocol::LinkResponse;
use masklink::rle::{CocoRle, Mask};
use serde_json::{Value, json};

use crate::http::{Reply, post_json, request, send};
use crate::http_double::{self, respond};

const KEY: &str = "sk-secret-of-the-operator";
const GRAY: [u8; 3] = [120, 120, 120];
const TITLES: [(&str, &str); 5] = [
    ("Q8332", "Red fox"),
    ("Q41050", "Red panda"),
    ("Q8331", "Arctic fox"),
    ("Q25326", "The Fox and the Hound"),
    ("Q146", "Cat"),
];

/// A request that the double received.
struct Received {
    head: String,
    body: Value,
}

impl Received {
    fn read(stream: &TcpStream) -> Option<Self> {
        let http_double::Received { head, body } = http_double::Received::read(stream)?;
        Some(Self { head, body: serde_json::from_slice(&body).ok()? })
    }
}

/// A double of an endpoint of `OpenAI`'s form.
struct Double {
    url: String,
    received: Mutex<Receiver<Received>>,
}

impl Double {
    /// Starts a double that treats each connection by `treat` after reading its request.
    fn start(mut treat: impl FnMut(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if let Some(request) = Received::read(&stream)
                    && sender.send(request).is_ok()
                {
                    treat(&mut stream);
                }
            }
        });
        Self { url, received: Mutex::new(received) }
    }

    /// Starts a double that sends one response to all.
    fn sending(status: u16, headers: &str, body: impl Into<String>) -> Self {
        let (headers, body) = (headers.to_owned(), body.into());
        Self::start(move |stream| respond(stream, status, &headers, &body))
    }

    /// Starts a double whose model writes a text.
    fn writing(text: &str) -> Self {
        Self::sending(200, "content-type: application/json\r\n", completion(text).to_string())
    }

    fn received(&self) -> Received {
        self.received.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn completion(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text});
    json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {}})
}

/// A server whose vision model is the double.
struct Site {
    app: Router,
    double: Double,
    _titles: tempfile::TempDir,
}

fn titles() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut list = TitleList::default();
    assert!(TITLES.iter().all(|(qid, title)| list.push(qid, title)));
    list.sort();
    write(folder.path(), &list).unwrap();
    folder
}

fn site(double: Double, view: View, timeout: Duration) -> Site {
    let folder = titles();
    let (url, model) = (double.url.clone(), "eyes-7b".to_owned());
    let chat = Chat::new(&Endpoint { url, model, key: Some(KEY.to_owned()), timeout }).unwrap();
    let backend = VlmBackend::new(chat, view, TitleIndex::open(folder.path()).unwrap());
    let backends = Backends::default().with("vlm", Arc::new(backend));
    let app = app(Server::with_backends(backends, Settings::default()).unwrap());
    Site { app, double, _titles: folder }
}

fn quick(double: Double) -> Site {
    site(double, View::Outline, Duration::from_secs(10))
}

/// Sends a mask, a rectangle of a gray image.
async fn ask(app: &Router, size: Size, [x, y, width, height]: [f64; 4]) -> Reply {
    let mut image = std::io::Cursor::new(Vec::new());
    let pixels = RgbImage::from_pixel(size.width, size.height, Rgb(GRAY));
    pixels.write_to(&mut image, image::ImageFormat::Png).unwrap();
    let (right, bottom) = (x + width, y + height);
    let mask = Mask::from_polygon(size, &[x, y, right, y, right, bottom, x, bottom]).unwrap();
    let body = json!({
        "image": {"data": STANDARD.encode(image.into_inner())},
        "mask": CocoRle::from(&mask),
        "top_k": 3,
    });
    post_json(app, "/v1/link", &body).await
}

const SIZE: Size = Size::new(200, 150);
const RECTANGLE: [f64; 4] = [60.0, 40.0, 80.0, 70.0];

/// Decodes the images of a request.
fn images(body: &Value) -> Vec<RgbImage> {
    let content = body["messages"][0]["content"].as_array().unwrap();
    let urls = content.iter().filter(|part| part["type"] == "image_url");
    urls.map(|part| {
        let url = part["image_url"]["url"].as_str().unwrap();
        let data = url.strip_prefix("data:image/jpeg;base64,").unwrap();
        image::load_from_memory(&STANDARD.decode(data).unwrap()).unwrap().into_rgb8()
    })
    .collect()
}

fn is_near(pixel: [u8; 3], color: [u8; 3]) -> bool {
    pixel.iter().zip(color).all(|(&a, b)| a.abs_diff(b) < 70)
}

#[tokio::test]
async fn outline_is_drawn_where_the_mask_is() {
    let site = quick(Double::writing("Red fox"));
    assert_eq!(ask(&site.app, SIZE, RECTANGLE).await.status.as_u16(), 200);
    let images = images(&site.double.received().body);
    let [image] = &images[..] else { panic!("{} images", images.len()) };
    assert_eq!(image.dimensions(), (200, 150));
    let outside = |value: u32, low: u32, high: u32| low.saturating_sub(value).max(value.saturating_sub(high));
    for (x, y) in (0..200_u32).flat_map(|x| (0..150_u32).map(move |y| (x, y))) {
        let away = outside(x, 60, 140).max(outside(y, 40, 110));
        let within =
            [x.abs_diff(60), x.abs_diff(140), y.abs_diff(40), y.abs_diff(110)].into_iter().min().unwrap();
        let pixel = image.get_pixel(x, y).0;
        if away == 0 && within == 0 {
            assert!(is_near(pixel, OUTLINE), "{x} {y}: {pixel:?}");
        } else if away > 8 || away == 0 && within > 8 {
            assert!(is_near(pixel, GRAY), "{x} {y}: {pixel:?}");
        }
    }
}

#[tokio::test]
async fn large_images_are_sent_small_with_the_outline_in_its_place() {
    let site = quick(Double::writing("Red fox"));
    ask(&site.app, Size::new(3000, 1000), [1500.0, 300.0, 600.0, 300.0]).await;
    let images = images(&site.double.received().body);
    let image = &images[0];
    assert_eq!(image.dimensions(), (MAX_SIDE, 341));
    let at = |x: u32, y: u32| image.get_pixel(x * MAX_SIDE / 3000, y * 341 / 1000).0;
    for (x, y) in [(1500, 450), (2100, 450), (1800, 300), (1800, 600)] {
        assert!(is_near(at(x, y), OUTLINE), "{x} {y}: {:?}", at(x, y));
    }
    for (x, y) in [(1800, 450), (1300, 450), (2400, 450), (1800, 100), (100, 100)] {
        assert!(is_near(at(x, y), GRAY), "{x} {y}: {:?}", at(x, y));
    }
}

#[tokio::test]
async fn crop_has_the_mask_in_its_middle_and_no_outline() {
    for (view, count) in [(View::Crop, 1), (View::Both, 2)] {
        let site = site(Double::writing("Red fox"), view, Duration::from_secs(10));
        ask(&site.app, SIZE, RECTANGLE).await;
        let images = images(&site.double.received().body);
        assert_eq!(images.len(), count);
        // 80 x 70 with 20 on each side, enlarged to 336.
        let crop = images.last().unwrap();
        assert_eq!(crop.dimensions(), (336, 308));
        assert!(crop.pixels().all(|pixel| is_near(pixel.0, GRAY)));
        let outlined = images[0].pixels().any(|pixel| is_near(pixel.0, OUTLINE));
        assert_eq!(outlined, view == View::Both);
    }
}

#[tokio::test]
async fn request_has_openais_form_and_the_key() {
    let site = site(Double::writing("Red fox"), View::Both, Duration::from_secs(10));
    ask(&site.app, SIZE, RECTANGLE).await;
    let Received { head, body } = site.double.received();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {KEY}\r\n")), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert_eq!((&body["model"], &body["temperature"]), (&json!("eyes-7b"), &json!(0)));
    assert!(body["max_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    let messages = body["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["role"]), (1, &json!("user")));
    let kinds: Vec<_> = messages[0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["image_url", "image_url", "text"]);
    assert!(messages[0]["content"][2]["text"].as_str().unwrap().contains("outlined in magenta"));
}

#[tokio::test]
async fn generated_text_becomes_entities_by_their_titles() {
    let site = quick(Double::writing("Answer: **Red fox**\n"));
    let reply = ask(&site.app, SIZE, RECTANGLE).await;
    let response: LinkResponse = reply.json();
    let found: Vec<_> = response.entities.iter().map(|entity| (&*entity.qid, &*entity.title)).collect();
    assert_eq!(found, [("Q8332", "Red fox"), ("Q41050", "Red panda"), ("Q8331", "Arctic fox")]);
    assert!((response.entities[0].score - 1.0).abs() < 1e-6, "{response:?}");
    assert!(response.entities[1].score < 0.9 && response.entities[2].score > 0.0, "{response:?}");
    assert!(response.uncalibrated && response.in_index.is_none());
    assert_eq!((&*response.model.encoder, response.model.entities), ("vlm:eyes-7b", 5));
    assert!(response.entities[0].url.as_ref().unwrap().ends_with("/Q8332"));
    let info = send(&site.app, request("GET", "/v1/info", &[], "")).await.json::<Value>();
    assert_eq!(info["backends"][0]["name"], "vlm");
    let unknown = quick(Double::writing("Zebra"));
    assert!(ask(&unknown.app, SIZE, RECTANGLE).await.json::<LinkResponse>().entities.is_empty());
}

#[tokio::test]
async fn masks_that_do_not_fit_are_refused_and_not_sent() {
    let site = quick(Double::writing("Red fox"));
    assert_eq!(ask(&site.app, SIZE, [0.0; 4]).await.problem(), (422, "bad-mask"));
    let mut image = std::io::Cursor::new(Vec::new());
    RgbImage::new(2, 3).write_to(&mut image, image::ImageFormat::Png).unwrap();
    let data = STANDARD.encode(image.into_inner());
    let body = json!({"image": {"data": data}, "mask": {"size": [3, 3], "counts": "09"}});
    assert_eq!(post_json(&site.app, "/v1/link", &body).await.problem(), (422, "bad-mask"));
    assert!(site.double.received.lock().unwrap().try_recv().is_err());
}

#[tokio::test]
async fn failures_of_the_model_are_problems() {
    let error = |message: &str| json!({"error": {"message": message, "type": "x"}}).to_string();
    let refused = json!({"choices": [{"message": {"content": null, "refusal": "I cannot."}}]}).to_string();
    let ended = |text: &str, reason: &str| {
        json!({"choices": [{"message": {"content": text}, "finish_reason": reason}]}).to_string()
    };
    for (status, headers, body, expected, words) in [
        (401, "", error(&format!("wrong key {KEY}")), (502, "backend-failed"), "refused the server's key"),
        (403, "", String::new(), (502, "backend-failed"), "refused the server's key"),
        (429, "retry-after: 7\r\n", error("slow down"), (503, "unavailable"), "in 7 s"),
        (429, "retry-after: 99999999\r\n", String::new(), (503, "unavailable"), "in 600 s"),
        (
            429,
            "retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
            String::new(),
            (503, "unavailable"),
            "in 5 s",
        ),
        (503, "", String::new(), (503, "unavailable"), "busy"),
        (504, "", String::new(), (504, "backend-timeout"), "in time"),
        (500, "", error("broken"), (502, "backend-failed"), "status 500"),
        (502, "", "<html>".to_owned(), (502, "backend-failed"), "status 502"),
        (404, "", error("no such model"), (502, "backend-failed"), "status 404"),
        (301, "location: http://127.0.0.1:1/\r\n", String::new(), (502, "backend-failed"), "status 301"),
        (200, "", "{\"choices\": [".to_owned(), (502, "backend-failed"), "cannot be used"),
        (200, "", "<html>".to_owned(), (502, "backend-failed"), "cannot be used"),
        (200, "", "{\"choices\": []}".to_owned(), (502, "backend-failed"), "cannot be used"),
        (200, "", completion("").to_string(), (502, "backend-failed"), "named nothing"),
        (200, "", completion(" ...\n").to_string(), (502, "backend-failed"), "named nothing"),
        (200, "", refused, (502, "backend-failed"), "refused to name"),
        (200, "", ended("Red", "content_filter"), (502, "backend-failed"), "refused to name"),
        (200, "", ended("<think>Okay, a red fox", "length"), (502, "backend-failed"), "cut off"),
        (200, "", ended("<think>Okay, a red fox", "stop"), (502, "backend-failed"), "cut off"),
        (200, "", completion(&"a ".repeat(10_000)).to_string(), (502, "backend-failed"), "cannot be used"),
        (200, "", completion(&"a".repeat(1 << 20)).to_string(), (502, "backend-failed"), "cannot be used"),
        (200, "", completion(&"a".repeat(3 << 20)).to_string(), (502, "backend-failed"), "no response"),
    ] {
        let site = quick(Double::sending(status, headers, body));
        let reply = ask(&site.app, SIZE, RECTANGLE).await;
        assert_eq!(reply.problem(), expected, "{status} {words}");
        let text = String::from_utf8_lossy(&reply.body);
        assert!(text.contains(words), "{status} {words}: {text}");
        assert!(!text.contains(KEY) && !text.contains(&site.double.url), "{text}");
        let wait = words.strip_prefix("in ").and_then(|words| words.strip_suffix(" s"));
        if let Some(wait) = wait {
            assert_eq!(reply.header("retry-after"), wait, "{status}");
        }
    }
}

#[tokio::test]
async fn models_that_take_too_long_or_break_off_are_problems() {
    let slow = |head: &'static str| {
        // Connections are kept open for as long as the double is there.
        let mut open = Vec::new();
        Double::start(move |stream| {
            stream.write_all(head.as_bytes()).unwrap();
            open.push(stream.try_clone().unwrap());
        })
    };
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let site = site(slow(head), View::Outline, Duration::from_millis(300));
        assert_eq!(ask(&site.app, SIZE, RECTANGLE).await.problem(), (504, "backend-timeout"), "{head:?}");
    }
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let site = quick(Double::start(move |stream| stream.write_all(head.as_bytes()).unwrap()));
        assert_eq!(ask(&site.app, SIZE, RECTANGLE).await.problem(), (502, "backend-failed"), "{head:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut double = Double::writing("Red fox");
    double.url = format!("http://{closed}");
    assert_eq!(ask(&quick(double).app, SIZE, RECTANGLE).await.problem(), (502, "backend-failed"));
}
