<?php
// The store of the blog.
final class Posts
{
    private PDO $store;

    public function __construct(string $path)
    {
        $this->store = new PDO('sqlite:' . $path);
        $this->store->exec('CREATE TABLE IF NOT EXISTS posts (title TEXT, text TEXT)');
    }

    public function newest(int $limit): array
    {
        $query = $this->store->prepare('SELECT title, text FROM posts ORDER BY rowid DESC LIMIT ?');
        $query->execute([$limit]);
        return $query->fetchAll(PDO::FETCH_ASSOC);
    }
}
