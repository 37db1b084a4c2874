<?php
// A blog of one page: posts are kept in a SQLite file below /var/lib/blog.
require __DIR__ . '/posts.php';
$posts = new Posts('/var/lib/blog/posts.sqlite');
?>
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Blog</title></head>
<body>
<?php foreach ($posts->newest(10) as $post): ?>
<h2><?= htmlspecialchars($post['title']) ?></h2>
<p><?= htmlspecialchars($post['text']) ?></p>
<?php endforeach; ?>
</body>
</html>
